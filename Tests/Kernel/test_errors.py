"""Bad input: one clear line, the right exit code, and nothing left open."""

import unittest

from harness import CLEANQ, ECHO, STACK, TAP, Case, error_lines
from traffic import echoes

USAGE, FAILURE = 64, 1
AROUND = ("  ", "Usage:", "Help:", "See ")  # the text, its caret, and where to read on


class Refused(Case):
    """The base: what every refusal has in common."""

    def setUp(self):
        super().setUp()
        self.ns = self.namespace()

    def refused(self, code, words, *arguments, prefix=(), ns=None):
        """Runs `cleanq` and expects to be refused with a code (or one of several) and a line that has all the words."""
        ns = ns or self.ns
        links, files = set(ns.links()), tree(self.work)
        done = ns.run(*prefix, CLEANQ, *arguments, check=False, timeout=10, cwd=self.work)
        what = f"cleanq {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr}"
        codes = (code,) if isinstance(code, int) else code
        self.assertIn(done.returncode, codes, what)
        lines = [line for line in error_lines(done.stderr) if not line.startswith(AROUND)]
        self.assertEqual(len(lines), 1, "one clear line wanted; " + what)
        self.assertLessEqual(len(done.stderr.splitlines()), 6, what)
        self.assertNotRegex(done.stderr, r"Fatal error|Swift/|Stack dump|Optional\(|Error Domain", what)
        self.assertEqual(done.stdout, "", what)
        for word in words:
            self.assertIn(word.lower(), done.stderr.lower(), what)
        self.assertEqual(set(ns.links()), links, "an interface was left; " + what)
        self.assertEqual(tree(self.work), files, "a file was left; " + what)
        return done.stderr

    def pipeline(self, code, words, text, **options):
        return self.refused(code, words, "run", text, **options)


def tree(folder):
    return sorted(str(p) for p in folder.rglob("*"))


class Slips(Refused):
    """Slips on the command line: each says what was probably meant."""

    def test_nearest_spelling(self):
        for words, arguments in {
            ("did you mean echo",): ("ecko", "tap0"), ("did you mean capture",): ("captrue", "-i", "tap0"),
            ("did you mean list",): ("devices", "lst"), ("did you mean bind",): ("devices", "bnd", "0000:00:04.0"),
            ("did you mean --address",): ("echo", "tap0", "--adress", "10.0.0.2/24"),
            ("did you mean --file",): ("run", "--fiel", "x"), ("did you mean udp",): ("stages", "upd"),
        }.items():
            with self.subTest(arguments=arguments):
                self.refused(USAGE, words, *arguments)

    def test_option_given_twice(self):
        self.refused(USAGE, ["--port", "twice"], "echo", "tap0", "--address", "10.0.0.2/24", "--port", "7", "--port=8")
        self.refused(USAGE, ["-w", "twice"], "capture", "-i", "tap0", "-w", "a", "-w", "b")
        self.refused(USAGE, ["-w", "twice"], "capture", "-itap0", "-wa", "-wb")

    def test_usage_has_the_whole_name(self):
        for name, arguments in {
            "cleanq run": ("run", "--fiel", "x"), "cleanq echo": ("echo", "tap0", "--port", "7", "--port", "8"),
            "cleanq devices bind": ("devices", "bind", "--forse", "0000:00:04.0"), "cleanq": ("ecko",),
        }.items():
            with self.subTest(arguments=arguments):
                text = self.refused(USAGE, [], *arguments)
                self.assertIn(f"Usage: {name} ", text)
                self.assertIn(f"See '{name} --help'", text)

    def test_numbers(self):
        for words, arguments in {
            ("--stats", "1 to 86400"): [("run", "--stats", n, "loopback | discard") for n in ("-1", "0.5", "abc", "0")],
            ("-c", "1 to 9223372036854775807"): [("capture", "-i", "t", "-w", "f", "-c", n) for n in ("-1", "x", "9" * 20)],
            ("-s", "0 to 262144"): [("capture", "-i", "t", "-w", "f", "-s", n) for n in ("-5", "262145")],
            ("--port", "1 to 65535"): [("echo", "t", "--address", "10.0.0.2/24", "--port", n) for n in ("-1", "0", "65536")],
            ("from 1 to 9223372036854775807",): [("check", f"pcap(a, read, count: {'9' * 20}) | discard")],
            ("no device 44", "00 to 1f"): [("check", "virtio(0000:00:44.0) | discard"), ("devices", "bind", "0:44.0")],
            ("no device 77", "00 to 1f"): [("devices", "bind", "0000:00:77.0")],
            ("no function 8", "0 to 7"): [("check", "nic(0000:00:04.8) | discard")],
        }.items():
            for line in arguments:
                with self.subTest(arguments=line):
                    self.refused(USAGE, words, *line)

    def test_attached_values(self):
        self.refused(FAILURE, ["tap(nope)"], "capture", "-inope", "-wq.pcap", "-c1", "-s96")

    def test_without_proc(self):
        hidden = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh")
        self.refused(FAILURE, ["/proc"], "run", "loopback | discard", prefix=hidden)

    def test_shell_without_quotes(self):
        self.refused(USAGE, ["quotes", "'tap(tap0) | echo'"], "run", "tap(tap0)", "|", "echo")
        self.assertIn("the shell took it", self.ns.run(CLEANQ, "check", "tap(tap0)", check=False).stderr)

    def test_file_without_the_option(self):
        path = self.work / "echo.cleanq"
        path.write_text("tap(tap0) | count | discard # a file\n")
        self.refused(USAGE, [f"--file {path}"], "run", path)
        self.refused(USAGE, ["not both"], "run", "--file", path, "tap(tap0) | discard")
        self.assertEqual(self.ns.run(CLEANQ, "check", "--file", path).stdout, "tap(tap0) | count | discard\n")
        done = self.ns.run("sh", "-c", f'"{CLEANQ}" check --file - <"{path}"')
        self.assertEqual(done.stdout, "tap(tap0) | count | discard\n")


class PipelineText(Refused):
    """Mistakes that are seen before anything is opened: `check` and `run` say the same."""

    def wrong(self, words, text, code=USAGE):
        shown = self.pipeline(code, words, text)
        checked = self.refused(code, words, "check", text)
        self.assertEqual(error_lines(shown)[0], error_lines(checked)[0])
        return shown

    def test_misspelt_stage(self):
        shown = self.wrong(['did you mean "ip"'], ECHO.replace("ip(", "ipp("))
        caret = next(line for line in shown.splitlines() if line.strip().startswith("^"))
        text = next(line for line in shown.splitlines() if "ipp(10.0.0.2/24)" in line and "tap(" in line)
        self.assertEqual(text[caret.index("^"):][:3], "ipp", "the caret is under the word")

    def test_missing_bracket(self):
        self.wrong([")"], ECHO.replace("/24) | ip", "/24 | ip"))
        self.wrong([")"], f"tap(tap0) | ip({STACK}/24")

    def test_unclosed_quote(self):
        self.wrong(['"'], 'tap(tap0) | pcap(f.pcap, filter: "udp) | discard')

    def test_stage_in_the_wrong_place(self):
        for text in (f"{TAP} | udp(7) | echo", f"{TAP} | ip({STACK}/24) | ip({STACK}/24) | udp(7) | echo", f"ip({STACK}/24) | udp(7) | echo",
                     f"echo | {TAP}", f"{TAP} | echo | discard", TAP, f"{TAP} | ip({STACK}/24) | udp(7)"):
            with self.subTest(text=text):
                self.wrong([], text)

    def test_bad_address(self):
        for bad in ("10.0.0.2/33", "10.0.0.256/24", "10.0.0/24", "10.0.0.2/", "10.0.0.2/-1", "fd00::1/64", "ten/24", "010.0.0.2/24x"):
            with self.subTest(address=bad):
                self.wrong([], f'{TAP} | ip("{bad}") | udp(7) | echo')
                self.wrong([], f'tap(tap0, address: "{bad}") | discard')

    def test_not_supported_yet(self):
        for text in (f"{TAP} | tcp(7) | echo", f"{TAP} | ip(fd00::2/64) | udp(7) | echo", f"{TAP} | ip(dhcp) | udp(7) | echo",
                     "tap(tap0, address: fd00::1/64) | discard", "tap(tap0, address: 2001:db8::1/64) | discard"):
            with self.subTest(text=text):
                self.wrong(["not supported yet"], text)

    def test_other_ways_to_write_it(self):
        self.wrong(["write address: 10.0.0.1/24"], "tap(tap0, address=10.0.0.1/24) | discard")
        self.wrong(["double quotes"], "tap('tap0') | discard")

    def test_bad_port(self):
        for port in ("70000", "65536", "-1", "seven", "7.5", "99999999999999999999"):
            with self.subTest(port=port):
                self.wrong(["65535"] if port == "70000" else [], ECHO.replace("udp(7)", f'udp("{port}")'))

    def test_bad_options(self):
        for text in (ECHO.replace("/24)", "/24, mtu: 10)", 1), ECHO.replace("/24)", "/24, mac: 02:00:00)", 1), ECHO.replace("/24)", "/24, io: fast)", 1),
                     ECHO.replace("/24)", "/24, colour: red)", 1), ECHO.replace("udp(7)", "udp()"), ECHO.replace("udp(7)", "udp(7, 7)")):
            with self.subTest(text=text):
                self.wrong([], text)

    def test_device_name(self):
        self.wrong(["15"], "tap(sixteenletters16) | discard", (USAGE, FAILURE))
        for bad in ('""', '"a/b"', '"a b"', '".."'):
            with self.subTest(name=bad):
                self.wrong([], f"tap({bad}) | discard", (USAGE, FAILURE))

    def test_strange_texts(self):
        for text in ("", "   ", "|", "tap(tap0) |", "| echo", "tap(tap0) || echo", "tap(tap0)@ | discard", "tap(tap0)@x | discard", ")(", "\x1b[31m", "é" * 50,
                     "(" * 5000, "tap(tap0) | " * 2000 + "discard"):
            with self.subTest(text=text[:20]):
                shown = self.wrong([], text)
                self.assertNotIn("\x1b", shown, "control characters reach the terminal")

    def test_random_texts(self):
        pieces = ["tap(tap0)", "|", "ip(10.0.0.2/24)", "udp(7)", "echo", "@0", "@", "(", ")", ",", ":", '"', "7", "#", "\n", "é", "-", "discard"]
        for _ in range(40):
            text = " ".join(self.random.choices(pieces, k=self.random.randint(1, 12)))
            done = self.ns.run(CLEANQ, "check", "--", text, check=False)
            self.assertIn(done.returncode, (0, USAGE), f"{text!r}: {done.stderr}")


class RunTime(Refused):
    """What only the machine can refuse; by then something may have been opened, and must be closed again."""

    def test_cpu_that_does_not_exist(self):
        self.pipeline((USAGE, FAILURE), ["99"], f"{TAP}@99 | ip({STACK}/24) | udp(7) | echo")
        self.pipeline((USAGE, FAILURE), ["99"], f"{TAP}@0 | ip({STACK}/24) | udp(7)@99 | echo")

    def test_device_busy(self):
        daemon = self.daemon(self.ns, "run", ECHO)
        self.pipeline(FAILURE, ["tap0", "busy"], ECHO)
        echoes(self, self.ns)
        daemon.stop().check(self)

    def test_no_permission(self):
        shown = self.pipeline(FAILURE, ["tap0"], ECHO, prefix=["setpriv", *(
            word for of in ("ambient-caps", "inh-caps", "bounding-set") for word in (f"--{of}", "-net_admin"))])
        self.assertRegex(shown.lower(), r"permi|privileg|root|cap_net_admin")

    def test_no_permission_to_change(self):
        """The device is the user's, its settings are not: what root has to type is said to the letter."""
        self.ns.make_tap("tu", owner=0)
        without = ["setpriv", *(word for of in ("ambient-caps", "inh-caps", "bounding-set") for word in (f"--{of}", "-net_admin"))]
        for command, text in {
            "ip address add 10.9.0.1/24 dev tu": "tap(tu, address: 10.9.0.1/24) | discard",
            "ip link set tu mtu 3000": "tap(tu, mtu: 3000) | discard",
            "ip link set tu address 02:00:00:00:00:09": "tap(tu, mac: 02:00:00:00:00:09) | discard",
            "ip link set tu up": "tap(tu) | discard",
        }.items():
            with self.subTest(pipeline=text):
                self.pipeline(FAILURE, [f'"{command}"'], text, prefix=without)

    def test_name_of_another_device(self):
        self.pipeline(FAILURE, ["lo"], "tap(lo) | discard")

    def test_unreadable_capture(self):
        (self.work / "folder").mkdir()
        (self.work / "garbage.pcap").write_bytes(b"this is no capture, whatever its name says" * 10)
        (self.work / "empty.pcap").write_bytes(b"")
        for name in ("missing.pcap", "folder", "garbage.pcap", "empty.pcap"):
            with self.subTest(file=name):
                self.pipeline(FAILURE, [name], f'pcap("{self.work}/{name}", read) | count | discard')

    def test_invalid_filter(self):
        for bad in ("udp prot 7", "port 99999999", "(((", "host", "ether[0"):
            with self.subTest(filter=bad):
                self.pipeline((USAGE, FAILURE), [], f'{TAP} | pcap("{self.work}/f.pcap", filter: "{bad}") | ip({STACK}/24) | udp(7) | echo')

    def test_output_that_cannot_be_made(self):
        (self.work / "folder").mkdir()
        for name in ("missing/f.pcap", "folder"):
            with self.subTest(file=name):
                self.pipeline(FAILURE, [name], f'{TAP} | pcap("{self.work}/{name}") | ip({STACK}/24) | udp(7) | echo')

    def test_late_failure_undoes_what_came_before(self):
        """The second TAP is refused; the first must be gone by then."""
        self.pipeline(FAILURE, ["lo"], "tap(tap0) | count | tap(lo)")

    def test_one_device_twice(self):
        self.pipeline(USAGE, ["TAP device", "own"], "tap(tap0) | tap(tap0)")
        self.refused(USAGE, ["TAP device", "own"], "forward", "tap0", "tap0")

    def test_one_file_or_socket_twice(self):
        for words, text in (
            (["file"], "loopback | pcap(a.pcap) | pcap(a.pcap) | discard"),
            (["file"], "loopback | pcap(a.pcap) | pcap(./a.pcap) | discard"),
            (["file"], f"loopback | pcap(a.pcap) | pcap({self.work}/a.pcap) | discard"),
            (["file"], "pcap(a.pcap, read) | pcap(.//a.pcap) | discard"),
            (["standard output"], "loopback | pcap(-) | pcap(-) | discard"),
            (["socket"], "vhost-user(/run/x.sock) | vhost-user(/run/./x.sock)"),
            (["PCI device"], "virtio(0000:00:04.0) | nic(00:04.0)"),
        ):
            with self.subTest(pipeline=text):
                error = self.pipeline(USAGE, words + ["give each its own"], text)
                lines = error.splitlines()
                caret = lines[2].index("^")
                self.assertEqual(lines[1].rindex("|", 0, caret), caret - 2, error)
        for text in ("pcap(-, read) | pcap(-) | discard", "loopback | pcap(/dev/null) | pcap(/dev/null) | discard"):
            self.ns.run(CLEANQ, "check", text)


class CommandLine(Refused):
    def test_wrong_usage(self):
        for arguments in ((), ("rum",), ("run",), ("run", "--jsn", ECHO), ("run", ECHO, "more"), ("echo", "tap0"), ("echo", "tap0", "--address", "10.0.0.2"),
                          ("echo", "tap0", "--address", f"{STACK}/24", "--port", "70000"), ("forward", "tap0"), ("capture", "-i", "tap0"),
                          ("capture", "-i", "tap0", "-w", "f.pcap", "-c", "none"), ("run", "--file", "missing.cleanq")):
            with self.subTest(arguments=arguments):
                if arguments:
                    self.refused((USAGE, FAILURE) if "--file" in arguments else USAGE, [], *arguments)
                else:
                    done = self.ns.run(CLEANQ, check=False)
                    self.assertIn(done.returncode, (0, USAGE))
                    self.assertIn("run", done.stdout + done.stderr)

    def test_capture_filter(self):
        self.ns.make_tap()
        self.refused((USAGE, FAILURE), [], "capture", "-i", "tap0", "-w", self.work / "f.pcap", "udp", "prot", "7")

    def test_check_and_stages_open_nothing(self):
        for arguments in (("check", ECHO), ("check", f'tap(tap0) | pcap("{self.work}/no.pcap") | tap(tap1)'), ("stages",), ("--help",), ("run", "--help"), ("--version",)):
            with self.subTest(arguments=arguments):
                done = self.ns.run(CLEANQ, *arguments, cwd=self.work)
                self.assertEqual(set(self.ns.links()), {"lo"})
                self.assertEqual(tree(self.work), [])
                if arguments == ("stages",):
                    for name in ("tap", "pcap", "ip", "udp", "echo", "discard", "loopback", "count", "checked"):
                        self.assertRegex(done.stdout, rf"(?m)\b{name}\b")
                if "--help" in arguments:
                    self.assertIn("cleanq run '", done.stdout, "help shows an example")

    def test_file(self):
        path = self.work / "pipeline.cleanq"
        path.write_text(f"# the echo daemon\n{TAP}\n  | ip({STACK}/24)   # our address\n  | udp(7)\n  | echo\n")
        daemon = self.daemon(self.ns, "run", "--file", path)
        echoes(self, self.ns)
        daemon.stop().check(self)
        path.write_text(f"# wrong\n{TAP}\n  | ipp({STACK}/24)\n  | udp(7) | echo\n")
        self.refused(USAGE, ['"ip"', "3"], "run", "--file", path)


if __name__ == "__main__":
    unittest.main()
