module restmark/go-fasthttp

go 1.26.0

require (
	github.com/goccy/go-json v0.12.0
	github.com/tinylib/msgp v1.6.5
	github.com/valyala/fasthttp v1.78.0
	restmark/workloads v0.0.0
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/molecule-man/go-brrr v1.3.1 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
)

replace restmark/workloads => ../common/go-workloads
