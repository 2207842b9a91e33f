// All named scenarios.

import './scenarios_chat.mjs';
import './scenarios_github.mjs';
import './scenarios_http.mjs';
import './scenarios_more.mjs';

export { list_scenarios, make_scenario } from './scenario_registry.mjs';
