import { createContext } from 'react'

/** Id of the box or arrow under the pointer. A context, so that a moving pointer redraws arrows and nothing else. */
export const HoverContext = createContext<string | undefined>(undefined)
