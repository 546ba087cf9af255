# open with a dash, IPC::Open3, socketpair, and backquotes.
use strict;
use warnings;
use IO::Handle;
use IO::Select;
use IPC::Open3;
use Socket;
use Symbol 'gensym';

$| = 1;

# A child of our own whose output we read.
my $pid = open(my $in, '-|') // die "open: $!";
if (!$pid) {
	print "line $_\n" for 1 .. 3000;
	exit 5;
}
my $lines = 0;
$lines++ while <$in>;
close $in;
print "$lines lines, status ", $? >> 8, "\n";

# One whose input we write.
$pid = open(my $out, '|-') // die "open: $!";
if (!$pid) {
	my $sum = 0;
	$sum += $_ while <STDIN>;
	print "sum $sum\n";
	exit 0;
}
print $out "$_\n" for 1 .. 5000;
close $out;

open(my $cmd, '-|', 'seq 9 | sort -r | head -n 2') or die;
print "from a pipeline: $_" while <$cmd>;
close $cmd;
print 'status ', $?, "\n";
print 'backquotes: ', scalar(`echo a b | tr a-z A-Z`);

# Three streams, read as they come.
my $err = gensym;
$pid = open3(my $to, my $from, $err, 'sh', '-c', 'cat; echo error >&2; exit 6');
print $to 'x' x 30000;
close $to;
my %got = (out => '', err => '');
my $select = IO::Select->new($from, $err);
while (my @ready = $select->can_read) {
	for my $h (@ready) {
		my $n = sysread $h, my $block, 4096;
		if (!$n) { $select->remove($h); next }
		$got{ $h == $from ? 'out' : 'err' } .= $block;
	}
}
waitpid $pid, 0;
print length $got{out}, " $got{err}", $? >> 8, "\n";

# Both directions over one socket.
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
$a->autoflush(1);
$b->autoflush(1);
$pid = fork // die;
if (!$pid) {
	close $a;
	print $b scalar reverse($_) while $_ = <$b>;
	exit 0;
}
close $b;
for my $word ("abc\n") { print $a $word; }
shutdown $a, 1;
my $answer = do { local $/; <$a> };
waitpid $pid, 0;
print 'reversed ', $answer =~ s/\n/\\n/r, ' ', $?, "\n";

# A reader that leaves.
local $SIG{PIPE} = sub { print "SIGPIPE\n" };
open(my $deaf, '|-', 'true') or die;
select undef, undef, undef, 0.01 until waitpid(-1, 1) > 0;
syswrite $deaf, 'x';
print "$!\n";
