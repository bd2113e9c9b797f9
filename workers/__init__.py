"""Workers: they lease items of jobs, call the drivers of the packages below, and record."""
