//! Local stand-in for the cloud CoAP endpoint.
