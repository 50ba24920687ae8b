#!/usr/bin/env python3
"""Writes the list of common passwords that is compiled into the server.

The data is the lists of zxcvbn and of Django, as their packages have them (Debian: apt-get install
python3-zxcvbn python3-django; or pip install zxcvbn django). What is shorter than the shortest
password allowed, or not ASCII, is left out.

    scripts/common-passwords.py > Sources/CLibraries/CCommonPasswords/common-passwords.txt
"""
import gzip
import pathlib

import django
from zxcvbn.frequency_lists import FREQUENCY_LISTS

django_file = pathlib.Path(django.__file__).parent / "contrib/auth/common-passwords.txt.gz"
django_list = gzip.open(django_file, "rt", encoding="utf-8").read().split()

print("# Common passwords, those of zxcvbn and then those of Django, each most common first.")
print("# Written by scripts/common-passwords.py; copyright and licences stand in LICENSE.")
for password in dict.fromkeys(FREQUENCY_LISTS["passwords"] + django_list):
    if len(password) >= 8 and password.isascii():
        print(password)
