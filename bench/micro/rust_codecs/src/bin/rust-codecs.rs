fn main() -> Result<(), Box<dyn std::error::Error>> {
    rust_codecs::run()
}
