/* The floor for a round trip over pipes: answers whatever one read brings, does nothing else.
 *   echo          the same bytes
 *   echo SIZE     SIZE bytes */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char buffer[1 << 20];

int main(int count, char** words) {
  size_t const fixed = count > 1 ? strtoul(words[1], NULL, 10) : 0;
  if (fixed > sizeof buffer) return 2;
  memset(buffer, 'x', sizeof buffer);
  while (1) {
    ssize_t const got = read(STDIN_FILENO, buffer, sizeof buffer);
    if (got <= 0) return 0;
    size_t left = fixed > 0 ? fixed : (size_t)got;
    while (left > 0) {
      ssize_t const sent = write(STDOUT_FILENO, buffer, left);
      if (sent <= 0) return 1;
      left -= (size_t)sent;
    }
  }
}
