#[protocol]
async fn halves(Halve(number): Halve) -> Half {
    Half(number / 2)
}
