// Trading through the whole mesh: the suites that leave its processes alone share one.

import './shared-mesh.ts';
import './placing.ts';
import './changing.ts';
import './batches.ts';
import './reports.ts';
import './bad-input.ts';
