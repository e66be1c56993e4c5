"""`python -m frontend.stack` is `make run`."""

import sys

from frontend.stack.launcher import main

sys.exit(main())
