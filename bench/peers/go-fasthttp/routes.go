package main

import (
	"errors"
	"strconv"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"restmark/workloads"
)

const mediaTypeJSON = "application/json"

var errNoRecord = errors.New("there is no such record")

func newRouter(data *dataset) *router.Router {
	r := router.New()
	r.RedirectTrailingSlash = false
	r.RedirectFixedPath = false
	get := func(path string, handler fasthttp.RequestHandler) {
		r.GET(path, handler)
		r.HEAD(path, handler)
	}
	get("/", handleWelcome)
	get("/parse-msgpack", data.handleParse)
	get("/encode-json", data.handleEncode)
	get("/transfer-data", data.handleTransfer)
	get("/million-loop", handleLoop)
	r.POST("/validate", handleValidate)
	get("/wait", handleWait)
	get("/record/{id}", data.handleRecord)
	for _, name := range workloads.Collections {
		get("/"+name+"/{id}", func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString(name + " " + segment(ctx, "id")) })
		get("/"+name+"/{id}/items", func(ctx *fasthttp.RequestCtx) {
			ctx.SetBodyString(name + " " + segment(ctx, "id") + " items")
		})
		get("/"+name+"/{id}/items/{item}", func(ctx *fasthttp.RequestCtx) {
			ctx.SetBodyString(name + " " + segment(ctx, "id") + " items " + segment(ctx, "item"))
		})
	}
	return r
}

func handleWelcome(ctx *fasthttp.RequestCtx) {
	if err := workloads.NoParameters(query(ctx)); err != nil {
		refuse(ctx, fasthttp.StatusBadRequest, err)
		return
	}
	ctx.SetBodyString("Welcome!\n")
}

func (d *dataset) handleParse(ctx *fasthttp.RequestCtx) {
	count, asked, err := workloads.CountAndDigest(query(ctx), len(d.encoded))
	if err != nil {
		refuse(ctx, fasthttp.StatusBadRequest, err)
		return
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	views, err := s.parse(d.encoded[:count])
	if err != nil {
		refuse(ctx, fasthttp.StatusInternalServerError, err)
		return
	}
	respondNumber(ctx, parsedNumber(views, asked))
}

func (d *dataset) handleEncode(ctx *fasthttp.RequestCtx) {
	count, asked, err := workloads.CountAndDigest(query(ctx), len(d.records))
	if err != nil {
		refuse(ctx, fasthttp.StatusBadRequest, err)
		return
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	number, err := s.encodedNumber(d.records[:count], asked)
	if err != nil {
		refuse(ctx, fasthttp.StatusInternalServerError, err)
		return
	}
	respondNumber(ctx, number)
}

func (d *dataset) handleTransfer(ctx *fasthttp.RequestCtx) {
	count, err := workloads.Count(query(ctx), len(d.records))
	if err != nil {
		refuse(ctx, fasthttp.StatusBadRequest, err)
		return
	}
	if count == len(d.records) {
		ctx.SetContentType(mediaTypeJSON)
		ctx.Response.SetBodyRaw(d.fullJSON)
		return
	}
	respondJSON(ctx, d.records[:count])
}

func handleLoop(ctx *fasthttp.RequestCtx) {
	n, seed, err := workloads.LoopArguments(query(ctx))
	if err != nil {
		refuse(ctx, fasthttp.StatusBadRequest, err)
		return
	}
	respondNumber(ctx, workloads.Loop(n, seed))
}

func (d *dataset) handleRecord(ctx *fasthttp.RequestCtx) {
	err := workloads.NoParameters(query(ctx))
	position := 0
	if err == nil {
		position, err = workloads.Position(segment(ctx, "id"))
	}
	if err != nil {
		refuse(ctx, fasthttp.StatusBadRequest, err)
		return
	}
	if position >= len(d.records) {
		refuse(ctx, fasthttp.StatusNotFound, errNoRecord)
		return
	}
	respondJSON(ctx, &d.records[position])
}

// query returns the raw query; that of most requests is empty and costs nothing.
func query(ctx *fasthttp.RequestCtx) string { return string(ctx.URI().QueryString()) }

func segment(ctx *fasthttp.RequestCtx, name string) string {
	text, _ := ctx.UserValue(name).(string)
	return text
}

func refuse(ctx *fasthttp.RequestCtx, status int, err error) { ctx.Error(err.Error(), status) }

func respondNumber(ctx *fasthttp.RequestCtx, number int64) {
	ctx.Response.SwapBody(strconv.AppendInt(emptied(ctx), number, 10))
}

// respondJSON encodes into the answer's own buffer, so that the JSON is not copied.
func respondJSON(ctx *fasthttp.RequestCtx, value any) {
	body, err := appendJSON(emptied(ctx), value)
	ctx.Response.SwapBody(body)
	if err != nil {
		refuse(ctx, fasthttp.StatusInternalServerError, err)
		return
	}
	ctx.SetContentType(mediaTypeJSON)
}

// emptied takes the buffer of the answer away, which has to be given back by SwapBody.
func emptied(ctx *fasthttp.RequestCtx) []byte { return ctx.Response.SwapBody(nil)[:0] }
