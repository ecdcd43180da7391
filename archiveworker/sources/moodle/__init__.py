"""The shared Moodle client: what every plugin of Moodle has in common, and none of what sets them apart.

``wire`` writes parameters and reads answers, ``verdicts`` knows what refusals mean, ``client`` sends, ``upload`` brings
archives, ``files`` fetches attachments and backups, ``conversation`` repeats what may succeed later, ``delivery`` hands
over; ``fields`` and ``request`` check what a plugin posted.
"""
