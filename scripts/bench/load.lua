-- wrk's side: sends what the files name, and prints the figures as one line of JSON.
--   TOKENS  a file of bearer tokens, one a line, taken in turn
--   BODIES  a file of JSON bodies, one a line, posted in turn
--   COOKIES a file of cookies, one for each of those
--   PATHS   a file of paths, one a line, asked in turn with the first of TOKENS
local requests = {}
local turn = 0

local function lines(name)
  local path = os.getenv(name)
  return path and io.lines(path) or function() end
end

function init()
  for token in lines("TOKENS") do
    requests[#requests + 1] = wrk.format("GET", nil, { ["Authorization"] = "Bearer " .. token })
  end
  local cookie = lines("COOKIES")
  for body in lines("BODIES") do
    requests[#requests + 1] = wrk.format(
      "POST", nil, { ["Content-Type"] = "application/json", ["Cookie"] = cookie() }, body)
  end
  local token = lines("TOKENS")()
  local asked = {}
  for path in lines("PATHS") do
    asked[#asked + 1] = wrk.format("GET", path, { ["Authorization"] = "Bearer " .. token })
  end
  if #asked > 0 then requests = asked end
  -- wrk sends one unchanging request faster than it calls a function for each.
  if #requests == 1 then
    local only = requests[1]
    request = function() return only end
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.status + summary.errors.timeout
  print(string.format('{"requests":%d,"failed":%d,"seconds":%.6f,"p50":%.1f,"p99":%.1f}',
    summary.requests, failed, summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
