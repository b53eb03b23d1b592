package main

import (
	"unicode/utf8"

	"github.com/bytedance/sonic"
	"github.com/valyala/fasthttp"

	"restmark/workloads"
)

// incoming is a record of a body. What is nil has not been there, or was null. Texts without escapes point into the body.
type incoming struct {
	ID          *int64   `json:"id"`
	Name        *string  `json:"name"`
	Description *string  `json:"description"`
	Type        *string  `json:"type"`
	Count       *int64   `json:"count"`
	CreatedAt   *float64 `json:"created_at"`
}

var strict = sonic.Config{DisallowUnknownFields: true, CaseSensitive: true, ValidateString: true}.Froze()

func handleValidate(ctx *fasthttp.RequestCtx) {
	count, err := workloads.ValidateCount(query(ctx))
	if err != nil {
		refuse(ctx, fasthttp.StatusBadRequest, err)
		return
	}
	body := ctx.PostBody()
	value := right(body, count)
	if value == nil {
		// A body that is refused is parsed once more, by what can tell the reason: right ones need not pay for that.
		if value, err = workloads.DecodeBody(body, count); err != nil {
			refuse(ctx, workloads.RefusalStatus(err), err)
			return
		}
	}
	respondJSON(ctx, value)
}

// right returns the record of a body, or the count records of an array, and nil if anything is wrong with them.
func right(body []byte, count int) any {
	if !utf8.Valid(body) {
		return nil
	}
	if count == workloads.One {
		var one incoming
		if strict.Unmarshal(body, &one) != nil || !one.fits() {
			return nil
		}
		return &one
	}
	var many []incoming
	if strict.Unmarshal(body, &many) != nil || many == nil || len(many) != count {
		return nil
	}
	for i := range many {
		if !many[i].fits() {
			return nil
		}
	}
	return many
}

func (r *incoming) fits() bool {
	if r.ID == nil || r.Name == nil || r.Description == nil || r.Type == nil || r.Count == nil || r.CreatedAt == nil {
		return false
	}
	record := workloads.Incoming{
		ID: *r.ID, Name: *r.Name, Description: *r.Description, Type: *r.Type, Count: *r.Count, CreatedAt: *r.CreatedAt,
	}
	return record.Misfit() == ""
}
