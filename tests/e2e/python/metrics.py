"""What Prometheus' own parser reads in the text at the first argument: every family and its samples.

http_python.test.mjs says what is expected; nothing is judged here.
"""

import json
import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
text = opener.open(sys.argv[1], timeout=60).read().decode()
for family in text_string_to_metric_families(text):
    samples = [[sample.name, sample.labels, sample.value] for sample in family.samples]
    value = {"type": family.type, "help": family.documentation, "samples": samples}
    print(json.dumps({"name": family.name, "value": value}), flush=True)
