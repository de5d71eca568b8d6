#ifndef CLEAT_FILTER_H
#define CLEAT_FILTER_H

// cleat_use_filter makes libseccomp take the program from a memfd, or, when that is empty, put there what it compiles.
void cleat_use_filter(int memfd);

#endif
