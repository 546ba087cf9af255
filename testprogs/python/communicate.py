"""subprocess: ten megabytes through all three streams at once, and what goes wrong on purpose."""
import hashlib
import subprocess
import sys

PIPE = subprocess.PIPE
data = bytes(range(256)) * 40960

child = """
import sys
while True:
    block = sys.stdin.buffer.read1(50000)
    if not block:
        break
    sys.stdout.buffer.write(block)
    sys.stderr.buffer.write(block[::-1][:len(block)])
sys.exit(7)
"""
p = subprocess.Popen([sys.executable, "-c", child], stdin=PIPE, stdout=PIPE, stderr=PIPE)
out, err = p.communicate(data)
print(p.returncode, len(out), hashlib.sha256(out).hexdigest(), len(err), sum(err))

p = subprocess.run(["sh", "-c", "head -c 1000 | wc -c"], input=data, stdout=PIPE)
print(p.returncode, p.stdout.strip())

quiet = subprocess.Popen(["sleep", "1000"], stdout=PIPE)
try:
    subprocess.run(["cat"], stdin=quiet.stdout, timeout=0.1)
except subprocess.TimeoutExpired as e:
    print("timeout", e.cmd)
quiet.terminate()
print(quiet.communicate(), quiet.returncode)

try:
    subprocess.run(["/no/such/program"], stdout=PIPE)
except FileNotFoundError as e:
    print(e.strerror, e.filename)  # it comes over a pipe from the child
print(subprocess.run("seq 5 | tac", shell=True, capture_output=True, text=True).stdout.split())
print(subprocess.check_output(["tr", "a-z", "A-Z"], input="text\n", text=True).strip())
