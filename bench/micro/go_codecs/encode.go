package main

import (
	"bytes"
	stdjson "encoding/json"
	"math"
	"strconv"

	"github.com/bytedance/sonic"
	"github.com/bytedance/sonic/encoder"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	gojson "github.com/goccy/go-json"
	segmentio "github.com/segmentio/encoding/json"
)

// An encoding returns the JSON of the whole dataset, valid until its next run.
type encoding struct {
	name string
	run  func() ([]byte, error)
}

var unescapedSonic = sonic.Config{NoValidateJSONMarshaler: true, NoEncoderNewline: true}.Froze()

// encodings returns the ways to encode, that of most services first.
func encodings(records []record) []encoding {
	var buffer bytes.Buffer
	var slice []byte
	return []encoding{
		{"encoding/json", func() ([]byte, error) {
			var fresh bytes.Buffer
			return standard(&fresh, records)
		}},
		{"encoding/json, one buffer", func() ([]byte, error) { return standard(&buffer, records) }},
		{"go-json-experiment (encoding/json/v2)", func() ([]byte, error) { return json.Marshal(records) }},
		{"go-json-experiment, one buffer", func() ([]byte, error) {
			buffer.Reset()
			err := json.MarshalWrite(&buffer, records)
			return buffer.Bytes(), err
		}},
		{"goccy", func() ([]byte, error) { return gojson.MarshalWithOption(records, unescaped...) }},
		{"goccy, one buffer", func() ([]byte, error) {
			buffer.Reset()
			e := gojson.NewEncoder(&buffer)
			err := e.EncodeWithOption(records, unescaped...)
			return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), err
		}},
		{"sonic", func() ([]byte, error) { return unescapedSonic.Marshal(records) }},
		{"sonic, one buffer", func() ([]byte, error) {
			slice = slice[:0]
			err := encoder.EncodeInto(&slice, records, encoder.NoEncoderNewline)
			return slice, err
		}},
		{"segmentio", func() ([]byte, error) { return segmentio.Append(nil, records, 0) }},
		{"segmentio, one buffer", func() (_ []byte, err error) {
			slice, err = segmentio.Append(slice[:0], records, 0)
			return slice, err
		}},
		{"appended by hand, one buffer", func() (_ []byte, err error) {
			slice, err = appendAll(slice[:0], records)
			return slice, err
		}},
	}
}

var unescaped = []gojson.EncodeOptionFunc{gojson.DisableHTMLEscape(), gojson.DisableNormalizeUTF8()}

func standard(buffer *bytes.Buffer, records []record) ([]byte, error) {
	buffer.Reset()
	e := stdjson.NewEncoder(buffer)
	e.SetEscapeHTML(false)
	err := e.Encode(records)
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), err
}

func appendAll(dst []byte, records []record) ([]byte, error) {
	dst = append(dst, '[')
	for i := range records {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendOne(dst, &records[i]); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendOne(dst []byte, r *record) ([]byte, error) {
	dst = strconv.AppendInt(append(dst, `{"id":`...), r.ID, 10)
	dst, nameFault := jsontext.AppendQuote(append(dst, `,"name":`...), r.Name)
	dst, descriptionFault := jsontext.AppendQuote(append(dst, `,"description":`...), r.Description)
	dst, typeFault := jsontext.AppendQuote(append(dst, `,"type":`...), r.Type)
	dst = strconv.AppendInt(append(dst, `,"count":`...), r.Count, 10)
	dst = appendFloat(append(dst, `,"created_at":`...), r.CreatedAt)
	for _, err := range []error{nameFault, descriptionFault, typeFault} {
		if err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendFloat writes a double as JSON's other encoders here do.
func appendFloat(dst []byte, number float64) []byte {
	if size := math.Abs(number); size != 0 && (size < 1e-6 || size >= 1e21) {
		return strconv.AppendFloat(dst, number, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, number, 'f', -1, 64)
}
