package workloads

// Collections are those whose routes stand beside /record/{id}, three for each.
var Collections = []string{
	"accounts", "addresses", "agents", "articles", "assets", "authors", "batches", "books", "branches", "carts", "categories",
	"channels", "comments", "contacts", "contracts", "coupons", "customers", "devices", "events", "files", "groups", "images",
	"invoices", "labels", "members", "messages", "orders", "payments", "products", "reviews", "tickets", "users", "vendors",
}
