/**
 * The server of the image world: a program that is called once per question and keeps its state in files, one caller
 * at a time. Perl, because it is part of every Debian and has flock(2) and ioctl(2).
 *
 * A volume is an image file. Attaching gives an agent a name of its own for it, a hard link; an agent's loop device
 * shows that name, so the server knows whose it is. `fence` takes the name away; `cut-devices` shrinks the loop devices
 * that still use it to one sector: whatever was opened before, the kernel refuses what comes through them from then on.
 *
 * Exit codes: 0 done, 2 no such volume, 3 held by another, 4 stale epoch, 5 fenced, 6 still in use, 75 out of order.
 */
export const IMAGE_SERVER_PROGRAM = String.raw`
use strict; use warnings; use Fcntl qw(:flock);
my ($root, $verb, $volume, @rest) = @ARGV;
exit 75 if -e "$root/down";
my $dir = "$root/$volume";
-e "$dir/image" or exit 2;
open(my $lock, '>>', "$dir/lock") or die $!; flock($lock, LOCK_EX) or die $!;
sub slurp { my ($path) = @_; open(my $f, '<', $path) or return ''; my $text = <$f> // ''; chomp $text; $text }
sub put {
  my ($path, $text) = @_;
  open(my $f, '>', "$path.new") or die $!; print $f "$text\n"; close $f or die $!; rename("$path.new", $path) or die $!;
}
sub loops {
  my ($agent) = @_; my @found;
  for my $file (glob '/sys/block/loop*/loop/backing_file') {
    next unless slurp($file) =~ m{^\Q$dir\E/exports/\Q$agent\E/};
    my ($name) = $file =~ m{/sys/block/(loop\d+)/}; push @found, $name;
  }
  @found;
}
sub shrink {
  my ($name) = @_;
  open(my $device, '+<', "/dev/$name") or return;
  my $info = "\0" x 232;
  ioctl($device, 0x4C05, $info) or return; # LOOP_GET_STATUS64; it may have gone meanwhile
  substr($info, 32, 8) = pack('Q', 512);
  ioctl($device, 0x4C04, $info) or die "$name: $!";
}
my ($holder, $held) = split / /, slurp("$dir/attached");
my $epoch = slurp("$dir/epoch") || 0;
sub status {
  my @fenced = map { m{([^/]+)$} } glob "$dir/fenced/*";
  my ($h, $e) = split / /, slurp("$dir/attached");
  print "attached ", ($h // '-'), " ", ($e // '-'), "\nepoch ", (slurp("$dir/epoch") || 0), "\nfenced @fenced\n";
}
mkdir "$dir/exports"; mkdir "$dir/fenced";
if ($verb eq 'status') { status(); exit 0 }
if ($verb eq 'attach') {
  my ($agent, $mine) = @rest;
  if ($mine < $epoch) { print "$epoch\n"; exit 4 }
  if (defined $holder && $holder ne $agent) { print "$holder $held\n"; exit 3 }
  exit 5 if -e "$dir/fenced/$agent";
  put("$dir/epoch", $mine);
  mkdir "$dir/exports/$agent";
  for my $old (glob "$dir/exports/$agent/*") { unlink $old unless $old =~ m{/$mine$} }
  -e "$dir/exports/$agent/$mine" or link("$dir/image", "$dir/exports/$agent/$mine") or die $!;
  put("$dir/attached", "$agent $mine");
  print "$dir/exports/$agent/$mine\n"; exit 0;
}
if ($verb eq 'detach') {
  my ($agent) = @rest;
  unlink glob "$dir/exports/$agent/*";
  unlink "$dir/attached" if defined $holder && $holder eq $agent;
  exit 0;
}
if ($verb eq 'fence') {
  my ($agent, $mine) = @rest;
  if ($mine < $epoch) { print "$epoch\n"; exit 4 }
  put("$dir/epoch", $mine);
  put("$dir/fenced/$agent", $mine);
  unlink glob "$dir/exports/$agent/*";
  unlink "$dir/attached" if defined $holder && $holder eq $agent;
  exit 0;
}
if ($verb eq 'cut-devices') {
  my ($agent) = @rest;
  shrink($_) for loops($agent);
  print "agent $agent: devices cut: ", join(' ', loops($agent)) || 'none', "\n";
  status(); exit 0;
}
if ($verb eq 'unfence') { unlink "$dir/fenced/$rest[0]"; exit 0 }
if ($verb eq 'idle') {
  # What is not mounted is freed at once, the rest when its mount goes (LOOP_CLR_FD). Only a tree that is going down
  # has one: wait for its kernel, within the caller's limit.
  for (1 .. 400) {
    my @left = loops($rest[0]); exit 0 unless @left;
    for my $name (@left) { open(my $device, '+<', "/dev/$name") or next; ioctl($device, 0x4C01, 0) }
    select undef, undef, undef, 0.01;
  }
  print join(' ', loops($rest[0])), "\n"; exit 6;
}
die "unknown verb $verb";
`;
