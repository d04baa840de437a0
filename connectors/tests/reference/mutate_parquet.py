#!/usr/bin/env python3
"""Change bytes of Parquet files and compare the results of betaflow and pyarrow."""
import argparse, collections, json, os, random, resource, struct, subprocess, sys, tempfile
import numpy as np, pyarrow as pa, pyarrow.parquet as pq

def panel(seed, rows=60, names=4):
    r = np.random.default_rng(seed)
    t0 = np.datetime64('2020-01-01', 'us')
    times, symbols, close, volume, openp = [], [], [], [], []
    price = np.full(names, 50.0)
    for d in range(rows):
        price *= 1 + 0.02 * r.standard_normal(names)
        for i in range(names):
            times.append(t0 + np.timedelta64(d, 'D')); symbols.append('S%02d' % i)
            close.append(float(np.round(price[i], 4))); openp.append(None if r.random() < .1 else float(np.round(price[i] * 1.001, 4)))
            volume.append(int(r.integers(1000, 100000)))
    return pa.table({'date': pa.array(times, pa.timestamp('us')), 'symbol': pa.array(symbols),
                     'close': pa.array(close, pa.float64()), 'open': pa.array(openp, pa.float64()),
                     'volume': pa.array(volume, pa.int64())})

def forms():
    codecs = ['none', 'snappy', 'gzip', 'brotli', 'zstd', 'lz4']
    for codec in codecs:
        for version in ('1.0', '2.0'):
            for encoding in ('dictionary', 'plain', 'delta', 'split'):
                yield codec, version, encoding

def write(table, path, codec, version, encoding, crc=False):
    options = dict(compression=codec, data_page_version=version, write_statistics=True, row_group_size=120, data_page_size=300,
                   write_page_checksum=crc)
    if encoding == 'dictionary': options['use_dictionary'] = True
    else: options['use_dictionary'] = False
    if encoding == 'delta':
        options['column_encoding'] = {'date': 'DELTA_BINARY_PACKED', 'symbol': random.choice(['DELTA_BYTE_ARRAY', 'DELTA_LENGTH_BYTE_ARRAY']), 'volume': 'DELTA_BINARY_PACKED'}
    if encoding == 'split':
        options['column_encoding'] = {'close': 'BYTE_STREAM_SPLIT', 'open': 'BYTE_STREAM_SPLIT', 'volume': 'BYTE_STREAM_SPLIT', 'date': 'BYTE_STREAM_SPLIT'}
    pq.write_table(table, path, **options)

def mutate(data, rng):
    data = bytearray(data)
    n = len(data)
    footer = struct.unpack('<I', data[-8:-4])[0]
    start = n - 8 - footer
    kind = rng.choice(['footer', 'footer', 'page', 'page', 'header', 'length', 'cut', 'swap', 'varint'])
    def area():
        return (start, n - 8) if kind in ('footer', 'varint') and rng.random() < .7 else (4, start)
    lo, hi = area()
    if kind in ('footer', 'page', 'header'):
        for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
            at = rng.randrange(lo, hi)
            data[at] = rng.choice([data[at] ^ (1 << rng.randrange(8)), rng.randrange(256), 0, 255, 0x7f, 0x80])
    elif kind == 'length':
        at = rng.randrange(n - 8, n)
        data[at] = rng.randrange(256)
    elif kind == 'cut':
        at = rng.randrange(lo, hi); size = rng.randrange(1, 20)
        if rng.random() < .5: del data[at:at + size]
        else: data[at:at] = bytes(rng.randrange(256) for _ in range(size))
        if at >= start: pass
    elif kind == 'swap':
        a, b = rng.randrange(lo, hi), rng.randrange(lo, hi); size = rng.randrange(1, 30)
        x, y = bytes(data[a:a + size]), bytes(data[b:b + size])
        data[a:a + len(y)] = y
    elif kind == 'varint':
        at = rng.randrange(lo, hi)
        value = rng.choice([b'\xfe\xff\xff\xff\x0f', b'\xff\xff\xff\xff\x0f', b'\x80\x80\x80\x80\x10', b'\xff\xff\xff\xff\xff\xff\xff\xff\x7f'])
        data[at:at + len(value)] = value
    return bytes(data)

def limit():
    resource.setrlimit(resource.RLIMIT_AS, (3_000_000 * 1024,) * 2)

def run(binary, path, folder):
    out = os.path.join(folder, 'out')
    command = [binary, 'replay', '--prices', path, '--factors', 'none', '--set', 'estimator.warmup=20', '--set', 'strategy.kind=equal_weight',
               '--set', 'sizing.weight_max=0.5', '--set', 'execution.fill_at=open', '--set', 'execution.participation_cap=0.1', '--set', 'record.betas=none',
               '--no-report', '--out', out, '--force']
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit, timeout=120, cwd=folder)
    if done.returncode < 0 or done.returncode > 2 or 'panicked at' in done.stderr or 'memory allocation' in done.stderr:
        return 'ABORT', '%d %s' % (done.returncode, done.stderr[:500])
    if done.returncode:
        return 'error', done.stderr.strip()
    summary = json.load(open(os.path.join(out, 'summary.json')))
    return 'value', summary['digest']

def by_pyarrow(path):
    try:
        table = pq.read_table(path, use_threads=False, memory_map=False)
        table.validate(full=True)
    except Exception as error:
        return None, type(error).__name__ + ': ' + str(error)[:200]
    return table, None

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--binary', default='betaflow'); parser.add_argument('--count', type=int, default=3000)
    parser.add_argument('--seed', type=int, default=1); parser.add_argument('--keep', default=None)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed); random.seed(arguments.seed)
    folder = tempfile.mkdtemp()
    all_forms = list(forms()); table = panel(1)
    originals = {}
    for form in all_forms:
        for crc in (False, True):
            path = os.path.join(folder, 'original.parquet'); write(table, path, *form, crc=crc)
            originals[form, crc] = open(path, 'rb').read()
    clean = os.path.join(folder, 'clean.parquet')
    pq.write_table(table, clean); kind, digest0 = run(arguments.binary, clean, folder)
    assert kind == 'value', digest0
    for key, data in originals.items():
        path = os.path.join(folder, 'x.parquet'); open(path, 'wb').write(data)
        got = run(arguments.binary, path, folder)
        if got != ('value', digest0): print('ORIGINAL', key, got)
    counts = collections.Counter(); cache = {}
    for i in range(arguments.count):
        form, crc = rng.choice(all_forms), rng.random() < .2
        data = mutate(originals[form, crc], rng)
        path = os.path.join(folder, 'x.parquet'); open(path, 'wb').write(data)
        try: kind, what = run(arguments.binary, path, folder)
        except subprocess.TimeoutExpired: kind, what = 'ABORT', 'timeout'
        problem = None
        if kind == 'ABORT': problem = what
        elif kind == 'value':
            read, error = by_pyarrow(path)
            if read is None:
                problem = 'pyarrow refuses: ' + error
            else:
                try:
                    pq.write_table(pa.table({n: c for n, c in zip(read.column_names, read.columns)}), clean)
                    other = run(arguments.binary, clean, folder)
                except Exception as error: other = ('pyarrow cannot write', str(error)[:200])
                if other != (kind, what): problem = 'pyarrow reads otherwise: %s' % (other,)
            counts['value: original' if what == digest0 else 'value: another, as pyarrow'] += problem is None
        else:
            counts['error'] += 1
            if 'x.parquet' not in what: counts['error without the file'] += 1; print('NOFILE', i, what[:300])
        if problem:
            counts['PROBLEM'] += 1; print('PROBLEM', i, form, crc, kind, problem[:400], flush=True)
            if arguments.keep: os.makedirs(arguments.keep, exist_ok=True); open(os.path.join(arguments.keep, '%d_%d.parquet' % (arguments.seed, i)), 'wb').write(data)
    print(dict(counts))
    sys.exit(bool(counts['PROBLEM']))
main()
