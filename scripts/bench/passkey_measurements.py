"""Checking an assertion of a passkey, beside its signature alone."""

import os
from statistics import median

from bench import load, machine
from bench.report import ROUNDS, at_most, say

FLOORS = ["Ground", "CSystem", "Credentials", "CHashMemory", "CCommonPasswords", "WebAuthn"]
LIBRARIES = ["crypto", "zxcvbn", "unistring", "crypt", "sodium", "idn2"]


def passkeys(folder, seconds, table):
    say("checking an assertion of a passkey")
    program = machine.compile_swift(
        [load.HERE / "passkey_rate.swift"], folder / "passkey_rate", load.HERE.parent.parent / ".build/release", FLOORS,
        LIBRARIES)
    bare = folder / "passkey_signature"
    os.link(program, bare)
    whole, alone = [], []
    for _ in range(2 * ROUNDS):
        alone.append(load.loop(bare, seconds // 2))
        whole.append(load.loop(program, seconds // 2))
    table.add("signature of a passkey, alone", alone)
    ratio = median(a.cpu / b.cpu for a, b in zip(whole, alone))
    table.add("assertion of a passkey, whole", whole, bar=at_most(ratio, 1.3, "times"))
