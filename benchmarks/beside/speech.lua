-- wrk's requests: one text after another, as the other tools make them.
local number = 0

function request()
  local body = string.format('{"model": "model", "input": "This is request number %d."}', number)
  number = number + 1
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
end

function done(summary, latency, requests)
  io.write(string.format(
    "JSON {\"requests\": %d, \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}\n",
    summary.requests, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency.max / 1000))
end
