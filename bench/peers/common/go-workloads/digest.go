package workloads

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Digest is what verification asks for instead of a count or a length: CRC-32 of what was decoded, or encoded.
// docs/SPEC.md defines it. It proves that the work was done, and need not be fast.
type Digest struct {
	Repetitions int // 0: none is asked for
	Seed        int64
}

// Record has the fields of the peers' own records, which differ from it in their tags alone: Go converts them.
type Record struct {
	ID          int64
	Name        string
	Description string
	Type        string
	Count       int64
	CreatedAt   float64
}

// OfDecoded returns the digest of the fields of records; fields converts one.
func OfDecoded[R any](asked Digest, records []R, fields func(R) Record) int64 {
	crc := uint32(asked.Seed)
	var buffer []byte
	for range asked.Repetitions {
		for _, record := range records {
			buffer = fields(record).appendTo(buffer[:0])
			crc = crc32.Update(crc, crc32.IEEETable, buffer)
		}
	}
	return int64(crc)
}

// OfEncoded returns the digest of the JSON of records, shifted by the seed: shifted and hashed as often as asked, encoded once.
func OfEncoded[R any](
	asked Digest, records []R, shifted func(R, int64) R, encode func([]R) ([]byte, error),
) (int64, error) {
	copies := make([]R, len(records))
	for range asked.Repetitions {
		for i, record := range records {
			copies[i] = shifted(record, asked.Seed)
		}
	}
	body, err := encode(copies)
	if err != nil {
		return 0, err
	}
	crc := uint32(asked.Seed)
	for range asked.Repetitions {
		crc = crc32.Update(crc, crc32.IEEETable, body)
	}
	return int64(crc), nil
}

// Shifted returns the record as /encode-json's digest wants it encoded. The integers wrap.
func (r Record) Shifted(seed int64) Record {
	r.ID += seed
	r.Count += seed
	r.CreatedAt += float64(seed*39) / (1 << 22)
	return r
}

func (r Record) appendTo(buffer []byte) []byte {
	buffer = binary.LittleEndian.AppendUint64(buffer, uint64(r.ID))
	buffer = binary.LittleEndian.AppendUint64(buffer, uint64(r.Count))
	buffer = binary.LittleEndian.AppendUint64(buffer, math.Float64bits(r.CreatedAt))
	for _, text := range []string{r.Name, r.Description, r.Type} {
		buffer = append(append(buffer, text...), 0)
	}
	return buffer
}
