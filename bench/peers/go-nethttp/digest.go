package main

import (
	"restmark/service"
	"restmark/workloads"
)

// parsedNumber is the answer of /parse-msgpack: how many records there are, or the digest of their fields.
func parsedNumber(records []service.Record, asked workloads.Digest) int64 {
	if asked.Repetitions == 0 {
		return int64(len(records))
	}
	return workloads.OfDecoded(asked, records, fields)
}

// encodedNumber is the answer of /encode-json: the length of the records' JSON, or the digest of that of shifted ones.
func encodedNumber(records []service.Record, asked workloads.Digest) (int64, error) {
	if asked.Repetitions == 0 {
		body, err := service.Encode(records)
		return int64(len(body)), err
	}
	return workloads.OfEncoded(asked, records, shifted, func(records []service.Record) ([]byte, error) { return service.Encode(records) })
}

func fields(r service.Record) workloads.Record { return workloads.Record(r) }

func shifted(r service.Record, seed int64) service.Record {
	return service.Record(fields(r).Shifted(seed))
}
