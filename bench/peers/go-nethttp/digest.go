package main

import "restmark/workloads"

// parsedNumber is the answer of /parse-msgpack: how many records there are, or the digest of their fields.
func parsedNumber(records []record, asked workloads.Digest) int64 {
	if asked.Repetitions == 0 {
		return int64(len(records))
	}
	return workloads.OfDecoded(asked, records, fields)
}

// encodedNumber is the answer of /encode-json: the length of the records' JSON, or the digest of that of shifted ones.
func encodedNumber(records []record, asked workloads.Digest) (int64, error) {
	if asked.Repetitions == 0 {
		body, err := encode(records)
		return int64(len(body)), err
	}
	return workloads.OfEncoded(asked, records, shifted, func(records []record) ([]byte, error) { return encode(records) })
}

func fields(r record) workloads.Record { return workloads.Record(r) }

func shifted(r record, seed int64) record { return record(fields(r).Shifted(seed)) }
