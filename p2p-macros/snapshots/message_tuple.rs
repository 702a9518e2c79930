/// No key: everything has its default.
#[derive(Message, Serialize, Deserialize)]
struct Say(String, [u8; 4]);

#[derive(Message, Serialize, Deserialize)]
struct Nothing;
