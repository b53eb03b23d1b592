module restmark/go-nethttp

go 1.25

require (
	github.com/gorilla/mux v1.8.1
	github.com/vmihailenco/msgpack/v5 v5.4.1
	restmark/workloads v0.0.0
)

require github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect

replace restmark/workloads => ../common/go-workloads
