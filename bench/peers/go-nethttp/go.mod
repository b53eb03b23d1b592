module restmark/go-nethttp

go 1.26.0

require (
	restmark/service v0.0.0
	restmark/workloads v0.0.0
)

require (
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
)

replace restmark/workloads => ../common/go-workloads

replace restmark/service => ../common/go-service
