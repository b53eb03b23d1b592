-- Exact figures of one wrk run, as one line of JSON behind a marker; wrk's own printed table is rounded.
-- Times are microseconds, as wrk keeps them. Documented in wrk's SCRIPTING file.

function done(summary, latency, requests)
   local quantiles = {}
   for _, p in ipairs({50, 75, 90, 95, 99, 99.9}) do
      quantiles[#quantiles + 1] = string.format('"%s":%d', tostring(p), latency:percentile(p))
   end
   local e = summary.errors
   io.write(string.format(
      'restmark-load {"duration_us":%d,"requests":%d,"bytes":%d,' ..
      '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d},' ..
      '"latency_us":{"min":%d,"max":%d,"mean":%.1f,"quantiles":{%s}}}\n',
      summary.duration, summary.requests, summary.bytes,
      e.connect, e.read, e.write, e.status, e.timeout,
      latency.min, latency.max, latency.mean, table.concat(quantiles, ",")))
end
