/* The floor for starting a process: no library but C's. */
#include <stdio.h>

int main(void) { return puts("hello") < 0; }
