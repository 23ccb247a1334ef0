// Package pin knows addresses of documents in the web that may say which document
// is there, by its sum: those of a catalogue's definitions, of user-data and of what
// it includes. It fetches nothing, and knows nothing of what the documents are.
package pin
