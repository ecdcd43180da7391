"""The demo LMS and the demo TSA: real servers that behave like Moodle with the plugins (and Open edX), with faults.

Used by ``archiveworker demo``, by the compose file and by the tests. It shares no code with the connectors, so that
maker and judge can only be wrong independently. Where to look:

* what is in the course: ``people``, ``questions``, ``answers``, ``course``, ``pictures``, ``files``
* what is in the proctored courses of an Open edX: ``edx_course``; its doors: ``edx_api``, ``edx_tokens``
* what a page looks like: ``report`` and the templates in ``res/demo``
* what each plugin version takes and gives: ``contract``; what it does: ``functions``, ``artifacts``
* the LMS's doors: ``rest``, ``pluginfile``, ``upload``, ``assets``, ``control``, put together in ``lms``
* what goes wrong on order: ``faults``; what was asked: ``journal``
* the plugin's own side (it posts the job): ``plugin``; the time-stamp authority: ``certificates``,
  ``authority``, ``tsa``, ``tsa_server``
* all of it at once: ``server``

It is no product server: it trusts whoever can reach it, so bind it to loopback.
"""
