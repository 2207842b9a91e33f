// Who we say we are. GitHub's services want an editor's headers; what they accept moves (old
// versions are cut off with status 466), so all of it is data, here, with its date, and each value
// can be replaced by configuration.
#pragma once

#include <string>

namespace jumpseat {

// As of 2026-11. Sources: the public headers of GitHub's own open-source chat extension.
struct ClientIdentity {
  std::string editor_version = "vscode/1.110.1";              // Editor-Version
  std::string editor_plugin_version = "copilot-chat/0.38.2";  // Editor-Plugin-Version
  std::string user_agent = "GitHubCopilotChat/0.38.2";        // User-Agent
  std::string integration_id = "vscode-chat";                 // Copilot-Integration-Id
  std::string api_version = "2026-06-01";                     // X-GitHub-Api-Version, data plane
  std::string exchange_api_version = "2025-04-01";   // X-GitHub-Api-Version, token exchange
  std::string openai_intent = "conversation-panel";  // OpenAI-Intent
  // The OAuth client of GitHub's editor plug-ins, and what it asks for.
  std::string client_id = "Iv1.b507a08c87ecfe98";
  std::string scope = "read:user";
};

}  // namespace jumpseat
