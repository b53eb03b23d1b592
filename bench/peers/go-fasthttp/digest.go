package main

import "restmark/workloads"

// parsedNumber is the answer of /parse-msgpack: how many records there are, or the digest of their fields.
func parsedNumber(views []view, asked workloads.Digest) int64 {
	if asked.Repetitions == 0 {
		return int64(len(views))
	}
	return workloads.OfDecoded(asked, views, view.owned)
}

// encodedNumber is the answer of /encode-json: the length of the records' JSON, or the digest of that of shifted ones.
func (s *scratch) encodedNumber(records []record, asked workloads.Digest) (int64, error) {
	if asked.Repetitions == 0 {
		body, err := s.encode(records)
		return int64(len(body)), err
	}
	return workloads.OfEncoded(asked, records, shifted, s.encode)
}

func shifted(r record, seed int64) record { return record(workloads.Record(r).Shifted(seed)) }
