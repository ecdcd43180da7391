"""From domain values to texts that go into an archive for people: tables, bag-info, the index page. Pure, no I/O."""
