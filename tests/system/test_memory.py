"""How much memory there is: the machine's word, or a container's where that is less."""

from pathlib import Path

from lightweight_ssd.system.memory import available_memory, read_into_memory, total_memory

_MACHINE = "MemTotal:       1000 kB\nMemAvailable:    800 kB\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _limit(folder: Path, limit: str, used: int, files: int) -> None:
    _write(folder / "memory.max", f"{limit}\n")
    _write(folder / "memory.current", f"{used}\n")
    _write(folder / "memory.stat", f"anon {used - files}\nfile {files}\n")


def test_of_this_machine_it_is_some_but_not_more_than_it_has() -> None:
    total = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    available = available_memory()
    assert available is not None and 0 < available <= int(total.split()[1]) * 1024


def test_the_tightest_limit_counts_and_files_give_way(tmp_path: Path) -> None:
    proc, cgroup = tmp_path / "proc", tmp_path / "cgroup"
    _write(proc / "meminfo", _MACHINE)
    _write(proc / "self" / "cgroup", "0::/slice/job\n")
    assert available_memory(proc, cgroup) == 800 * 1024
    _limit(cgroup / "slice" / "job", "max", used=100, files=0)
    assert available_memory(proc, cgroup) == 800 * 1024
    _limit(cgroup / "slice", str(300 * 1024), used=200 * 1024, files=150 * 1024)
    assert available_memory(proc, cgroup) == 250 * 1024
    _limit(cgroup, str(100), used=200, files=0)
    assert available_memory(proc, cgroup) == 0


def test_limits_of_the_first_version_of_control_groups(tmp_path: Path) -> None:
    proc, group = tmp_path / "proc", tmp_path / "cgroup" / "memory" / "job"
    _write(proc / "meminfo", _MACHINE)
    _write(proc / "self" / "cgroup", "4:cpu,cpuacct:/\n3:memory:/job\n")
    _write(group / "memory.limit_in_bytes", f"{500 * 1024}\n")
    _write(group / "memory.usage_in_bytes", f"{400 * 1024}\n")
    _write(group / "memory.stat", f"total_cache {50 * 1024}\n")
    assert available_memory(proc, tmp_path / "cgroup") == 150 * 1024


def test_the_whole_memory_is_the_machines_or_the_containers(tmp_path: Path) -> None:
    proc, cgroup = tmp_path / "proc", tmp_path / "cgroup"
    _write(proc / "meminfo", _MACHINE)
    assert total_memory(proc, cgroup) == 1000 * 1024
    _write(proc / "self" / "cgroup", "0::/job\n")
    _limit(cgroup / "job", str(600 * 1024), used=500 * 1024, files=0)
    assert total_memory(proc, cgroup) == 600 * 1024
    assert available_memory(proc, cgroup) == 100 * 1024
    assert total_memory(tmp_path, cgroup) is None


def test_a_system_that_does_not_say(tmp_path: Path) -> None:
    assert available_memory(tmp_path, tmp_path) is None
    _write(tmp_path / "meminfo", "MemTotal: 1000 kB\n")
    _write(tmp_path / "self" / "cgroup", "0::/\n")
    assert available_memory(tmp_path, tmp_path) is None


def test_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    _write(tmp_path / "file", "x" * 100_000)
    read_into_memory(tmp_path / "file")
    _write(tmp_path / "empty", "")
    read_into_memory(tmp_path / "empty")
