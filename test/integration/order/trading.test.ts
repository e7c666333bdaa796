// Trading through the whole mesh: the suites that leave its processes alone share one.

import './shared-mesh.ts';
import './placing.suite.ts';
import './changing.suite.ts';
import './batches.suite.ts';
import './reports.suite.ts';
import './bad-input.suite.ts';
