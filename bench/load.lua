-- What wrk sends and expects. Arguments: method, path, status, the exact answer or "", the body or "".
-- "#" in path and body stands for a number that is new each time, from `first` on.
wrong = 0
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  method, path, status, answer, body = unpack(arguments, 1, 5)
  number, wrong = tonumber(arguments[6]) - 1, 0
  headers = { ["Content-Type"] = "application/json" }
end

function request()
  number = number + 1
  local own = path:gsub("#", number)
  if body == "" then
    return wrk.format(method, own)
  end
  return wrk.format(method, own, headers, (body:gsub("#", number)))
end

function response(got, _, text)
  if tostring(got) ~= status or (answer ~= "" and text ~= answer) then
    wrong = wrong + 1
  end
end

function done(summary, latency)
  local errors = summary.errors
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("wrong")
  end
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p95": %f, "p99": %f}\n',
    summary.requests, summary.duration / 1e6,
    wrong + errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
