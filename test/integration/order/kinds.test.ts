// Every kind of order through the whole mesh: the suites share its processes.

import './shared-mesh.ts';
import './waiting.suite.ts';
import './groups.suite.ts';
import './lasting.suite.ts';
import './kinds-reports.suite.ts';
