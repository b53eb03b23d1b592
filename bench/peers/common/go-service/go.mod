module restmark/service

go 1.25

require (
	github.com/vmihailenco/msgpack/v5 v5.4.1
	restmark/workloads v0.0.0
)

require github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect

replace restmark/workloads => ../go-workloads
