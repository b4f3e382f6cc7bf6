# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the load balancer itself sends: its HTML pages, its redirects, and the headers that it adds to requests."""

from __future__ import annotations

from .state import Json

SERVER = "awselb/2.0"
# Our route and cluster metadata. The Lua filter can read only its own namespace.
METADATA = "meshgate.alb"
LUA = "envoy.filters.http.lua"

REASONS = {
    301: "Moved Permanently",
    302: "Found",
    400: "Bad Request",
    401: "Authorization Required",
    408: "Request Time-out",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
    561: "Unauthorized",
}


def page(status: int) -> str:
    title = f"{status} {REASONS[status]}"
    return f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"


def own_headers() -> list[Json]:
    return [{"header": {"key": "server", "value": SERVER}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]


def local_replies() -> Json:
    """Envoy's own failures, in the words and status codes of an ALB.

    504: connecting took too long, the target did not respond before the idle timeout, or security groups block every
    target. 502: the target refused the connection, or closed it before a complete response. 503: no target.
    """
    blocked = f"xds.cluster_metadata.filter_metadata['{METADATA}']['blocked'] == true"
    not_of_a_rule = "response.code_details != 'direct_response'"
    return {
        "mappers": [
            _reply({"and_filter": {"filters": [_flags("UH"), _cel(blocked)]}}, 504),
            _reply(_cel("response.code_details.contains('connection_timeout')"), 504),
            _reply({"and_filter": {"filters": [_flags("SI", "UT"), _status(504)]}}, 504),
            _reply(_flags("UF", "UC", "UR", "LR", "UPE"), 502),
            _reply(_flags("UH", "NC", "UO"), 503),
            *(_reply({"and_filter": {"filters": [_status(status), _cel(not_of_a_rule)]}}, status) for status in (400, 408, 413)),
        ]
    }


def _reply(condition: Json, status: int) -> Json:
    return {
        "filter": condition,
        "status_code": status,
        "headers_to_add": own_headers(),
        "body_format_override": {"text_format_source": {"inline_string": page(status)}, "content_type": "text/html"},
    }


def _flags(*flags: str) -> Json:
    return {"response_flag_filter": {"flags": list(flags)}}


def _status(status: int) -> Json:
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": status, "runtime_key": "meshgate.alb.status"}}}}


def _cel(expression: str) -> Json:
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                "expression": expression,
            },
        }
    }


# AWS documents both headers: "HTTP headers and Application Load Balancers", "Request tracing for your ALB".
LUA_SCRIPT = r"""
math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 1000000007)

local function trace_id()
  local r = math.random
  return string.format("1-%08x-%06x%06x%06x%06x", os.time(), r(0, 0xffffff), r(0, 0xffffff), r(0, 0xffffff), r(0, 0xffffff))
end

local function add_trace(headers)
  local given = headers:get("x-amzn-trace-id")
  if given == nil or given == "" then
    headers:replace("x-amzn-trace-id", "Root=" .. trace_id())
  elseif given:find("Root=", 1, true) then
    local rest = given:gsub("Self=[^;]*;?", "")
    headers:replace("x-amzn-trace-id", "Self=" .. trace_id() .. ";" .. rest)
  else
    headers:replace("x-amzn-trace-id", given .. ";Root=" .. trace_id())
  end
end

local function add_forwarded_for(headers, mode, client)
  if mode == "remove" then
    headers:remove("x-forwarded-for")
  elseif mode ~= "preserve" then
    local given = headers:get("x-forwarded-for")
    headers:replace("x-forwarded-for", given and given ~= "" and (given .. ", " .. client) or client)
  end
end

local function redirect(handle, headers, to)
  local path, query = headers:get(":path"):match("^/?([^?]*)%??(.*)$")
  local here = {
    protocol = to["here_protocol"], port = to["here_port"], path = path, query = query,
    host = headers:get(":authority"):gsub(":%d+$", ""),
  }
  local function fill(template)
    return (template:gsub("#{(%w+)}", here))
  end
  local location = fill(to["protocol"]):lower() .. "://" .. fill(to["host"]) .. ":" .. fill(to["port"]) .. fill(to["path"])
  local wanted = fill(to["query"])
  if wanted ~= "" then
    location = location .. "?" .. wanted
  end
  handle:respond({
    [":status"] = to["status"], ["server"] = "awselb/2.0", ["content-type"] = "text/html", ["location"] = location,
  }, to["body"])
end

-- "Valid header names": letters, digits and hyphens.
local function drop_invalid(headers)
  local invalid = {}
  for name in pairs(headers) do
    if not name:find("^:?[%w-]+$") then
      invalid[#invalid + 1] = name
    end
  end
  for _, name in ipairs(invalid) do
    headers:remove(name)
  end
end

-- "Protocol version" of the target groups guide: which request protocols go to which version. 464 is in "Troubleshoot your Application Load Balancers".
-- https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-protocol-version
local function goes_to(version, headers, protocol)
  local is_grpc = protocol == "HTTP/2" and (headers:get("content-type") or ""):find("^application/grpc") ~= nil
  if version == "HTTP1" then
    return not is_grpc
  end
  return protocol == "HTTP/2" and (version == "HTTP2" or headers:get(":method") == "POST")
end

function envoy_on_request(handle)
  local route = handle:metadata()
  local headers = handle:headers()
  local to = route:get("redirect")
  if to ~= nil then
    redirect(handle, headers, to)
    return
  end
  for version in (route:get("versions") or ""):gmatch("%w+") do
    if not goes_to(version, headers, handle:streamInfo():protocol()) then
      handle:streamInfo():dynamicMetadata():set("meshgate.alb", "incompatible", true)
      handle:respond({[":status"] = "464", ["server"] = "awselb/2.0"}, "")
      return
    end
  end
  local rule = route:get("login")
  if rule ~= nil then
    headers:replace("x-meshgate-rule", rule)
    for _, name in ipairs({"identity", "accesstoken", "data"}) do
      headers:remove("x-amzn-oidc-" .. name)
    end
  end
  if route:get("drop_invalid") then
    drop_invalid(headers)
  end
  add_trace(headers)
  local client = handle:streamInfo():downstreamDirectRemoteAddress():gsub(":%d+$", ""):gsub("[%[%]]", "")
  add_forwarded_for(headers, route:get("forwarded_for"), client)
end

-- Envoy makes a code of gRPC of what it answers by itself.
function envoy_on_response(handle)
  -- Of the login filter, which answers with it; a target's own header means nothing.
  local stopped = handle:headers():get("server") == "awselb/2.0" and handle:headers():get("x-envoy-upstream-service-time") == nil
  local status = stopped and handle:metadata():get("login") and handle:headers():get("x-meshgate-status")
  if status then
    handle:headers():replace(":status", status)
    handle:headers():remove("x-meshgate-status")
  end
  local said = handle:streamInfo():dynamicMetadata():get("meshgate.alb")
  if said ~= nil and said["incompatible"] then
    local headers = handle:headers()
    headers:replace(":status", "464")
    for _, name in ipairs({"grpc-status", "grpc-message", "content-type"}) do
      headers:remove(name)
    end
  end
end
"""
