#[derive(Schema, Serialize, Deserialize)]
struct Page<T> {
    rows: Vec<T>,
    next: Option<Cursor>,
}

#[derive(Schema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Cursor {
    End,
    At(u64),
}
