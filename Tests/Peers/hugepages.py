"""Hugepages that are given back."""

import os

from process import Failure


class Hugepages:
    """Sees to it that some 2 MiB pages are free, and gives back what it added: `with Hugepages(40):`."""

    FOLDER = "/sys/kernel/mm/hugepages/hugepages-2048kB"

    def __init__(self, count):
        self.count, self.added = count, 0

    @classmethod
    def are_known(cls):
        """Whether this kernel has such pages at all."""
        return os.path.isdir(cls.FOLDER)

    def __enter__(self):
        self.take()
        return self

    def __exit__(self, *_):
        self.give_back()

    def take(self):
        try:
            free, before = self._get("free_hugepages"), self._get("nr_hugepages")
            if free >= self.count:
                return
            self._set(before + self.count - free)
            self.added = self._get("nr_hugepages") - before
        except OSError as error:
            raise Failure(f"hugepages cannot be reserved: {error.strerror}") from None
        if self._get("free_hugepages") < self.count:
            self.give_back()
            raise Failure(f"{self.count} hugepages of 2 MiB are not to be had")

    def give_back(self):
        if self.added:
            self._set(self._get("nr_hugepages") - self.added)
            self.added = 0

    def _get(self, name):
        with open(f"{self.FOLDER}/{name}") as file:
            return int(file.read())

    def _set(self, count):
        with open(f"{self.FOLDER}/nr_hugepages", "w") as file:
            file.write(str(count))
