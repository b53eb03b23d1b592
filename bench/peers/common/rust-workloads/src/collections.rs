/// Those whose routes stand beside /record/{id}, three for each.
#[rustfmt::skip]
pub const COLLECTIONS: [&str; 33] = [
    "accounts", "addresses", "agents", "articles", "assets", "authors", "batches", "books", "branches", "carts", "categories",
    "channels", "comments", "contacts", "contracts", "coupons", "customers", "devices", "events", "files", "groups", "images",
    "invoices", "labels", "members", "messages", "orders", "payments", "products", "reviews", "tickets", "users", "vendors",
];

#[cfg(test)]
mod tests {
    #[test]
    fn are_sorted() {
        assert!(super::COLLECTIONS.is_sorted());
    }
}
