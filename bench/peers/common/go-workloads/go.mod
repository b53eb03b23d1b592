module restmark/workloads

go 1.25
