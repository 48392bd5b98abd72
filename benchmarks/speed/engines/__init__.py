"""Engines that host the reference job: a module and a process each."""
