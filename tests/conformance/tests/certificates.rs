//! Certificates (rules C1 to C8): made while the tests run, real ones, and those that others test themselves with.

mod certificates {
    mod codes;
    mod corpus;
    mod corruption;
    mod crosscheck;
    mod encodings;
    mod external_tools;
    mod fixtures;
    mod generated;
    mod policies;
    mod roots;
    mod secrets;
}
