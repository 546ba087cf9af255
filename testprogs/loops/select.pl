# IO::Select under load: children over pipes and socketpairs, each sending at its own pace, with timeouts. LOAD says how much.
use strict;
use warnings;
use Digest::MD5;
use IO::Handle;
use IO::Select;
use POSIX ':sys_wait_h';
use Socket;

my $load = $ENV{LOAD} || 1;
my ($select, %who, %digest, %size, %back) = (IO::Select->new);
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = sub { };

# children send lines of many lengths
for my $n (0 .. 7 + 8 * $load) {
	my ($here, $there);
	if ($n % 2) { pipe($here, $there) or die; }
	else { socketpair($here, $there, AF_UNIX, SOCK_STREAM, 0) or die; }
	my $pid = fork;
	if (!$pid) {
		close $here;
		$there->autoflush(1);
		for my $i (1 .. 50) {
			print $there chr(97 + $n % 26) x ($i * 97 % 4000), "\n";
			select undef, undef, undef, 0.001 if $i % 16 == $n % 16;
		}
		exit $n;
	}
	close $there;
	$select->add($here);
	$who{fileno $here} = $n;
	$digest{$n} = Digest::MD5->new;
}
while ($select->count) {
	for my $handle ($select->can_read(10)) {
		my $n = $who{fileno $handle};
		my $got = sysread $handle, my $text, 3000;
		if ($got) { $digest{$n}->add($text); $size{$n} += $got; next; }
		$select->remove($handle);
		close $handle;
	}
}
my %status;
while ((my $pid = wait) > 0) { $status{$? >> 8}++; }
print "$_: $size{$_} ", $digest{$_}->hexdigest, "\n" for sort { $a <=> $b } keys %size;
print join(' ', map { "$_=$status{$_}" } sort { $a <=> $b } keys %status), "\n";

# an echo behind a socketpair, with all three sets, until the writer is ahead by a lot and is kept waiting
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die;
my $echo = fork;
if (!$echo) {
	close $a;
	while (sysread $b, my $text, 777) { syswrite $b, $text; }
	exit 0;
}
close $b;
$a->blocking(0);
my ($left, $sent, $received, $md5) = (400_000 * $load, 0, 0, Digest::MD5->new);
my $total = $left;
while ($received < $total) {
	my ($r, $w) = IO::Select->select(IO::Select->new($a), $left ? IO::Select->new($a) : undef, undef, 10);
	if (@$w) {
		my $n = syswrite $a, substr('0123456789' x 1000, $sent % 10, $left < 5000 ? $left : 5000);
		if (defined $n) { $left -= $n; $sent += $n; }
	}
	if (@$r) {
		my $n = sysread $a, my $text, 65536;
		if ($n) { $received += $n; $md5->add($text); }
	}
}
shutdown $a, 1;
waitpid $echo, 0;
print "echo $received ", $md5->hexdigest, " $?\n";

# waits that nobody ends
pipe(my $quiet, my $never) or die;
my $missed = 0;
for (1 .. 40 * $load) { $missed++ unless IO::Select->new($quiet)->can_read(0.003); }
print "missed $missed\n";

# open in all its forms
for my $n (1 .. 15 * $load) {
	open(my $in, '-|', 'seq', 1, $n * 100) or die;
	my @lines = <$in>;
	close $in;
	open(my $out, '|-', "cat >$ENV{OUT}/p; exit 3") or die;
	print $out @lines;
	close $out;
	my $size = -s "$ENV{OUT}/p";
	print "open $n: ", scalar @lines, " $size ", $? >> 8, ' ', length(`echo $n; exit 2`), ' ', $? >> 8, "\n" if $n % 5 == 0;
}
