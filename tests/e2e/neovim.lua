-- A session of Neovim's own LSP client with jumpseat, for neovim.test.mjs; Neovim 0.7 or newer.
-- Prints one line of JSON per thing that happens.

local deadline_ms = 30000

local function say(what, value)
  io.stdout:write(vim.fn.json_encode({ what = what, value = value or vim.NIL }) .. "\n")
  io.stdout:flush()
end

local function fail(why)
  say("failed", why)
  vim.cmd("cquit 1")
end

local chunks = {}
local statuses = {}
local initialized = false
local exit_code = nil

local id = vim.lsp.start_client({
  name = "jumpseat",
  cmd = { vim.env.JUMPSEAT, "--stdio" },
  root_dir = vim.fn.getcwd(),
  init_options = {
    editorInfo = { name = "Neovim", version = tostring(vim.version().minor) },
    editorPluginInfo = { name = "e2e", version = "1" },
  },
  handlers = {
    ["$/progress"] = function(_, params)
      table.insert(chunks, params)
    end,
    ["didChangeStatus"] = function(_, params)
      table.insert(statuses, params.kind)
    end,
    ["window/showDocument"] = function(_, params)
      say("page", params.uri)
      return { success = true }
    end,
    ["window/logMessage"] = function() end,
  },
  on_init = function(_, result)
    say("initialized", result.serverInfo.name)
    initialized = true
  end,
  on_exit = function(code)
    exit_code = code
  end,
})
if not id then
  return fail("start_client")
end
if not vim.wait(deadline_ms, function() return initialized end, 5) then
  return fail("initialize")
end
local client = vim.lsp.get_client_by_id(id)

-- Sends a request and waits for its answer: error, result, and the request's id.
local function ask(method, params)
  local done, problem, answer = false, nil, nil
  local sent, request = client.request(method, params, function(err, result)
    done, problem, answer = true, err, result
  end, 0)
  if not sent then
    return fail(method .. " was not sent")
  end
  if not vim.wait(deadline_ms, function() return done end, 5) then
    return fail(method .. " was not answered")
  end
  return problem, answer, request
end

local problem, answer = ask("signIn", vim.empty_dict())
say("signIn", problem or answer)
problem, answer = ask("workspace/executeCommand", { command = "github.copilot.finishDeviceFlow", arguments = {} })
say("finishDeviceFlow", problem or answer)

problem, answer = ask("jumpseat/chat", {
  messages = { { role = "user", content = "Grüß dich" } },
  partialResultToken = "nvim",
})
local text = ""
for _, chunk in ipairs(chunks) do
  local choice = chunk.token == "nvim" and chunk.value.choices[1]
  if choice and type(choice.delta.content) == "string" then
    text = text .. choice.delta.content
  end
end
say("chunks", #chunks)
say("streamed", text)
say("chat", problem or answer)

problem = ask("no/such/method", vim.empty_dict())
say("unknown", problem and problem.code)
say("statuses", statuses)

client.stop()
if not vim.wait(deadline_ms, function() return exit_code ~= nil end, 5) then
  return fail("stop")
end
say("exit", exit_code)
vim.cmd("qall!")
