/* A library that is loaded when it is first needed, so that a process which does without it has none of its memory.
   A shim lists the functions that it calls,

       #define FUNCTIONS(X) X(int, name, (parameters)) ...
       GH_LIBRARY("libname.so.1", FUNCTIONS)

   and calls them as lib.name(…), once find_library() has said that all of them are there. */
#pragma once
#include <dlfcn.h>

#define GH_MEMBER(type, name, parameters) type(*name) parameters;
#define GH_FIND(type, name, parameters) missing |= !(*(void **)&lib.name = dlsym(library, #name));
#define GH_LIBRARY(file, FUNCTIONS) \
    static struct { \
        FUNCTIONS(GH_MEMBER) \
    } lib; \
    static int find_library(void) { \
        void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL); \
        int missing = !library; \
        if (library) { FUNCTIONS(GH_FIND) } \
        return !missing; \
    }
