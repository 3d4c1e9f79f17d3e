import './styles/app.css'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Problem } from './api/problem'
import { makeRouter } from './router'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 4000,
      // What the request itself got wrong stays wrong; anything else may pass.
      retry: (failures, err) => failures < 2 && !(err instanceof Problem && err.status >= 400 && err.status < 500),
    },
  },
})

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={makeRouter()} />
    </QueryClientProvider>
  </StrictMode>,
)
